"""Learn: short lessons, each with one thing to move and one measured result."""

import streamlit as st

from workbench.ui.components.learn.lesson_picker import choose_lesson
from workbench.ui.components.learn.lesson_view import lesson_view

lesson = choose_lesson()
st.header(lesson.title)
lesson_view(lesson)
