"""Computers that train runs together, by Ray: starting, joining, addresses, versions, status."""
