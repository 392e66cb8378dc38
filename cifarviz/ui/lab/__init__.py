"""The overfit lab: experiments of several runs that show overfitting, and what helps."""
