"""The Sun and Mars as seen from Earth: SciNet finds the angles that are seen from the Sun."""
