// A real minus in every number that the browser writes, as everywhere on the board: in most languages it writes a hyphen.
// Streamlit's tables and the pivot's engine have no setting for that. The numbers behind their cells stay numbers. This
// stands in the page itself, before their code: whatever is drawn first has it already.
{
  const own = Object.getOwnPropertyDescriptor(Intl.NumberFormat.prototype, 'format');
  Object.defineProperty(Intl.NumberFormat.prototype, 'format', {
    ...own,
    get() {
      const write = own.get.call(this);
      return (value) => (value < 0 ? write(value).replace('-', '\u2212') : write(value));
    },
  });
}
