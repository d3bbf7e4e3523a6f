"""The pixel path: analysis, synthesis and hyper analysis in ordinary float arithmetic."""
