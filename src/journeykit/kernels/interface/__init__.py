"""The layouts of tables that cross the boundary of the kernels, and the numbers that both sides know."""
