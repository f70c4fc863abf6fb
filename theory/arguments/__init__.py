"""Reading what users give: numbers, arrays, and an arithmetic that keeps subnormals."""
