/** Tokens by their use. Text tokens are shown on the grounds where they stand. */
const grounds = ["ground", "surface", "sunken", "hover"] as const;
const texts = ["text", "muted", "accent", "ok", "warning", "danger"] as const;
const soft = [
  { ground: "accent-soft", text: "accent" },
  { ground: "warning-soft", text: "warning" },
  { ground: "danger-soft", text: "danger" },
  { ground: "added", text: "added-sign" },
  { ground: "removed", text: "removed-sign" },
  { ground: "accent", text: "on-accent" },
] as const;

export function Colours() {
  return (
    <>
      <div className="design-row">
        {grounds.map((ground) => (
          <div key={ground} className="design-swatch" style={{ background: `var(--${ground})` }}>
            <code>--{ground}</code>
            {texts.map((text) => (
              <span key={text} style={{ color: `var(--${text})` }}>
                {text}
              </span>
            ))}
          </div>
        ))}
      </div>
      <div className="design-row">
        {soft.map(({ ground, text }) => (
          <div
            key={ground}
            className="design-swatch"
            style={{ background: `var(--${ground})`, color: `var(--${text})` }}
          >
            <code>--{ground}</code>
            <span>--{text}</span>
          </div>
        ))}
      </div>
    </>
  );
}
