"""What users write and get: plain values that know no engine."""
