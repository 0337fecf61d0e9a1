"""A checked program becomes plugins and a generated function: the `Stage`."""
