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
    "search": '<path d="M7 2.500a4.500 4.500 0 1 1 0 9 4.500 4.500 0 0 1 0-9M10.500 10.500l3.500 3.500"/>',
    "enlarge": '<path d="M2.5 9.5h4v4h-4zM2.5 6.500v-4h11v11h-4M7 9l4-4M8 5h3v3"/>',
    "picture": '<path d="M2.5 3h11v10h-11zM2.500 11l3.500-3.500 3 3 1.500-1.500 3 3M10.500 6h.01"/>',
    "brush": '<path d="M13.5 2.5l-6 6.5M7 8.5 8.500 10c0 2-1.500 3.500-5.500 3.500 1.500-1 1-3 2-4.200L7 8.500z"/>',
    "open": '<path d="M9.5 2.5h4v4M13.5 2.5l-6 6M11.5 9v4.5h-9v-9H7"/>',
}


def icon(name: str) -> str:
    """The icon as SVG, hidden from screen readers: whatever holds it says in words what it does."""
    return f'<svg class="sd-icon" viewBox="0 0 16 16" aria-hidden="true">{_DRAWINGS[name]}</svg>'
