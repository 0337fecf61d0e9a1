"""The contract that every plugin keeps (``contract``), the registry that finds them, and the
plugins that touch the world.
"""
