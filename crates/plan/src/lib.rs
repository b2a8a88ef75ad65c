//! Anatomy and intent, as data: plan, items, scene, checks.
