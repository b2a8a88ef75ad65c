//! Printers: profiles, fit, slicing by an external engine, G-code read back.
