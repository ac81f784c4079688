"""The FPGA tools: where they are, how they are run, what they report.

Each runs in a process of its own, so that neither its crash nor an interrupt leaves anything
half done; what they say is read from their JSON reports alone.
"""
