"""The book as priced: pricers, what a change makes necessary to price again, and the pricing itself."""
