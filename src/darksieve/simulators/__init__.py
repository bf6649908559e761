"""The simulators that come with darksieve."""
