//! One self-contained page and one PDF from the facts of a case.
