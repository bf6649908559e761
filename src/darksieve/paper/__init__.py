"""The paper: numbers and tables read from result files, and the document made of them."""
