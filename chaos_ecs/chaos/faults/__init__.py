"""The families of faults, one module each; the register of them all is `catalogue.py`, one folder up."""
