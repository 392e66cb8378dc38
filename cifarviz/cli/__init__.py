"""The command line: opens the dashboard, trains and inspects without a browser."""
