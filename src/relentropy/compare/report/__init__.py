"""A comparison as people read it: text for terminals, a page for browsers, JSON for programs.

Every renderer takes the dictionary of ``Comparison.to_dict()`` and nothing else, so a saved JSON
file can be drawn again later: ``html.render(json.loads(text))``.
"""
