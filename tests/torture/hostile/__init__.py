"""Broken and malicious files, made on the spot: nothing here is a file of anybody."""
