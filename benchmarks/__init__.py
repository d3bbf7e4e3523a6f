"""Measuring Wisp: pictures, measures, comparisons."""
