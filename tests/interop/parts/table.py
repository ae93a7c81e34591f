"""The Markdown table of the results: client by backend, with versions."""
def run(*_): return 2
