import type { DesktopWindowInfo, SandboxAgent } from "@holdfast/sandbox-client";
import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { useMutation } from "@tanstack/react-query";
import { useAnnounce } from "../ui/announcer.tsx";
import { ErrorNotice } from "../ui/notice.tsx";

/** The windows of the desktop: raised, focused and closed. */
export function Windows({
  client,
  windows,
  mayUse,
  onChange,
}: {
  readonly client: SandboxAgent;
  readonly windows: readonly DesktopWindowInfo[];
  readonly mayUse: boolean;
  /** Asks for the windows again. */
  readonly onChange: () => void;
}) {
  const announce = useAnnounce();
  const focus = useMutation({
    mutationFn: ({ id }: DesktopWindowInfo) => client.focusDesktopWindow(id),
    onSuccess: ({ title }) => announce(`${visibleText(title)} has the focus.`),
    onSettled: onChange,
  });
  const close = useMutation({
    mutationFn: ({ id }: DesktopWindowInfo) => client.closeDesktopWindow(id),
    onSuccess: ({ closed }, { title }) => closed && announce(`${visibleText(title)} has closed.`),
    onSettled: onChange,
  });
  const error = focus.error ?? close.error;
  const isBusy = focus.isPending || close.isPending;
  return (
    <>
      {windows.length === 0 && <p className="muted">No windows are open.</p>}
      {close.isSuccess && !close.data.closed && (
        <p className="notice" role="status">
          The window “{visibleText(close.variables.title)}” is still open. Its program may be asking a
          question on the screen.
        </p>
      )}
      {error !== null && <ErrorNotice error={error} title="The window could not be used." />}
      <ul className="desktop-list" aria-label="Windows">
        {windows.map((window) => (
          <li key={window.id}>
            <span className="desktop-item">
              <strong>{visibleText(window.title)}</strong>
              <span className="muted">
                {window.width} × {window.height} at {window.x}, {window.y}
              </span>
              {window.isActive && <span className="tag">has the focus</span>}
            </span>
            {mayUse && (
              <span className="desktop-line">
                <button
                  type="button"
                  className="button button-small"
                  aria-label={`Focus ${visibleText(window.title)}`}
                  disabled={isBusy}
                  onClick={() => focus.mutate(window)}
                >
                  Focus
                </button>
                <button
                  type="button"
                  className="button button-small"
                  aria-label={`Close ${visibleText(window.title)}`}
                  disabled={isBusy}
                  onClick={() => close.mutate(window)}
                >
                  Close
                </button>
              </span>
            )}
          </li>
        ))}
      </ul>
    </>
  );
}
