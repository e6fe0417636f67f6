"""Drawn icons: thin lines in the colour of the text around them, on a grid of 16."""

from __future__ import annotations

_DRAWINGS = {
    "theme": '<circle cx="8" cy="8" r="5.5"/><path class="sd-solid" d="M8 2.5a5.5 5.5 0 0 1 0 11z"/>',
    "swap": '<path d="M2.5 5.5h10M10 3l2.5 2.5L10 8M13.5 10.5h-10M6 8l-2.5 2.5L6 13"/>',
    "dice": (
        '<rect x="2.5" y="2.5" width="11" height="11" rx="2"/>'
        '<path class="sd-dots" d="M5.5 5.5h.01M10.5 5.5h.01M8 8h.01M5.5 10.5h.01M10.5 10.5h.01"/>'
    ),
    "reuse": ('<path d="M3 7a5 5 0 0 1 8.5-2.5L13 6M13 2.5V6H9.5M13 9a5 5 0 0 1-8.5 2.5L3 10M3 13.5V10h3.5"/>'),
    "stop": '<path d="M4.5 4.5h7v7h-7z"/>',
    "copy": '<path d="M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3"/>',
    "save": '<path d="M8 2.5v7.5M4.800 7 8 10.200 11.200 7M2.5 13.5h11"/>',
    "send": '<path d="M2.5 8h9M8 4.5 11.5 8 8 11.5M13.5 3v10"/>',
    "search": '<path d="M7 2.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9M10.500 10.500l3.500 3.500"/>',
    "enlarge": '<path d="M2.5 9.5h4v4h-4zM2.5 6.500v-4h11v11h-4M7 9l4-4M8 5h3v3"/>',
    "picture": '<path d="M2.5 3h11v10h-11zM2.5 11l3.5-3.5 3 3 1.5-1.5 3 3M10.5 6h.01"/>',
    "brush": '<path d="M13.5 2.5l-6 6.5M7 8.5 8.5 10c0 2-1.5 3.5-5.5 3.5 1.5-1 1-3 2-4.2L7 8.5z"/>',
    "eraser": '<path d="M9 3 13.5 7.5 8.5 13H5.5L2.5 10zM5.8 6.4 10.3 10.9M8.5 13h5"/>',
    "wand": '<path d="M2.5 13.5 9.5 6.5M11 2.5v2M13.5 5h-2M8 3.5l1 1M12.5 8l-1-1"/>',
    "hand": '<path d="M8 2v12M2 8h12M6.5 3.5 8 2l1.5 1.5m-3 9L8 14l1.5-1.5m-6-6L2 8l1.5 1.5m9-3L14 8l-1.5 1.5"/>',
    "undo": '<path d="M5.5 3 2.5 6l3 3M2.5 6h7a4 4 0 0 1 0 8H6"/>',
    "redo": '<path d="M10.5 3l3 3-3 3M13.5 6h-7a4 4 0 0 0 0 8H10"/>',
    "minus": '<path d="M3.500 8h9"/>',
    "plus": '<path d="M8 3.500v9M3.500 8h9"/>',
    "fit": '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10M6 6h4v4H6z"/>',
    "full": '<path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"/>',
    "eye": '<path d="M1.5 8C4 4 12 4 14.5 8 12 12 4 12 1.5 8zM8 6.5a1.5 1.5 0 1 1 0 3 1.5 1.5 0 0 1 0-3"/>',
    "open": '<path d="M9.5 2.5h4v4M13.5 2.5l-6 6M11.5 9v4.5h-9v-9H7"/>',
}


def icon(name: str) -> str:
    """The icon as SVG, hidden from screen readers: whatever holds it says in words what it does."""
    return f'<svg class="sd-icon" viewBox="0 0 16 16" aria-hidden="true">{_DRAWINGS[name]}</svg>'
