"""Sigma rules as configurations: detections become conditionals, correlations `correlate`.

pySigma reads the rules; what it gives is turned into text here. The one rule of the whole package:
a rule is translated so that it means the same, or it is refused with what to write instead.
"""
