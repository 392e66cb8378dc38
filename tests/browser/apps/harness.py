"""A tiny app for the tests of the harness itself."""

import os

import streamlit as st

st.title("Harness")
st.write(f"home: {os.environ['CIFARVIZ_HOME']}")
if st.button("Press"):
    st.write("pressed")
