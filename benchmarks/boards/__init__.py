"""What a viewer waits for: boards, pages and pixels."""
