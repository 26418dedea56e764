"""The table of lessons: one file a lesson, one line here.

Belongs here: the table. A new lesson is a file that looks like its siblings
(``lesson.py`` says what it is made of) and a line in ``_ALL``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from workbench.ui.lessons import (
    hetconv,
    layouts,
    patterns,
    spmm,
    stages,
    structured,
    tickets,
    transforms,
    winograd,
    zeros,
)
from workbench.ui.lessons.lesson import Lesson

_ALL = (
    zeros.LESSON,
    spmm.LESSON,
    winograd.LESSON,
    patterns.LESSON,
    structured.LESSON,
    hetconv.LESSON,
    stages.LESSON,
    transforms.LESSON,
    layouts.LESSON,
    tickets.LESSON,
)

LESSONS: Mapping[str, Lesson] = MappingProxyType({one.id: one for one in _ALL})
