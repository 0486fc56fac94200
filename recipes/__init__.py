"""Flags and model sizes of whole runs, which are files beside this one."""
