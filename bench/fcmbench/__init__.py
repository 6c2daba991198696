"""Measures pytest with and without fastcollect_meta, as whole processes in alternation."""
