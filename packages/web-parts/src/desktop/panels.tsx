import { type ReactNode, useId, useState } from "react";

export interface Panel {
  readonly id: string;
  readonly label: string;
  readonly content: ReactNode;
}

/** A row of buttons that open a panel below it, at most one at a time. `children` are further buttons. */
export function Panels({
  panels,
  children,
}: {
  readonly panels: readonly Panel[];
  readonly children?: ReactNode;
}) {
  const [open, setOpen] = useState<string>();
  const id = useId();
  const shown = panels.find((panel) => panel.id === open);
  return (
    <>
      <div className="desktop-actions">
        {panels.map((panel) => (
          <button
            key={panel.id}
            type="button"
            className="button button-small"
            aria-expanded={panel === shown}
            aria-controls={id}
            onClick={() => setOpen(panel === shown ? undefined : panel.id)}
          >
            {panel.label}
          </button>
        ))}
        {children}
      </div>
      <section id={id} className="desktop-panel" aria-label={shown?.label} hidden={shown === undefined}>
        {shown?.content}
      </section>
    </>
  );
}
