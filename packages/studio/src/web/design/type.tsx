export function Type() {
  return (
    <div className="design-type">
      <h3>A heading of a part</h3>
      <p>Text is one size. A sentence says what is the case, then what to do.</p>
      <p className="muted">Muted text is what a reader may skip.</p>
      <p>
        <a href="/">All tasks</a> is a link; there are <code>code</code>, and{" "}
        <span className="mono">a path or an id</span>.
      </p>
      <p className="design-small">Small text is for facts in rows: times, counts, names.</p>
    </div>
  );
}
