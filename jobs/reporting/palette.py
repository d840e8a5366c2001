"""The colours of all pages, each once: of kinds of rows, of verdicts, of what became of a promise."""

from __future__ import annotations

BLUE, ORANGE, GREEN, RED = "#4e79a7", "#f28e2b", "#59a14f", "#e15759"
PURPLE, TEAL, BROWN, GREY = "#b07aa1", "#76b7b2", "#9c755f", "#bab0ac"
YELLOW, PINK, OLIVE, NAVY = "#edc948", "#ff9da7", "#8c8c3d", "#2f4b7c"
ROSE, LILAC = "#d37295", "#d4a6c8"

# Of kinds of rows in the order of the tables; begun again where there are more.
KINDS = (BLUE, ORANGE, GREEN, PURPLE, RED, TEAL, BROWN, GREY, YELLOW, PINK, OLIVE, NAVY, ROSE, LILAC)
CHANGED_KINDS = {"images": BLUE, "labels": ORANGE, "boxes": RED, "classes": TEAL}
CONTRADICTIONS = ROSE
VERDICTS = {"positive": GREEN, "negative": RED, "unverified": GREY}
STATES = {"kept": "#2e7d4f", "broken": "#b3261e", "warned": "#b26a00", "noted": "#4a6785", "unknown": "#767676"}
# As text on white these need more contrast than as a bar.
STATE_TEXTS = {**STATES, "warned": "#8a5200", "noted": "#3b5670", "unknown": "#5f5f5f"}
