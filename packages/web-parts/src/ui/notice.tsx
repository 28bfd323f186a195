import type { ReactNode } from "react";
import { errorCode } from "../errors.ts";
import { useWebApp } from "../web-app.tsx";

/** Shows an error, what to do next, and a retry button. */
export function ErrorNotice({
  error,
  title,
  onRetry,
}: {
  readonly error: unknown;
  readonly title?: string;
  readonly onRetry?: () => void;
}) {
  const text = useWebApp().describeError(error);
  const code = errorCode(error);
  return (
    <div className="notice notice-error" role="alert">
      <p>
        <strong>{title === undefined ? text.title : `${title} ${text.title}`}</strong>
        {text.next !== "" && <> {text.next}</>}
      </p>
      {(code !== undefined || onRetry !== undefined) && (
        <p className="notice-foot">
          {onRetry !== undefined && (
            <button type="button" className="button button-small" onClick={onRetry}>
              Try again
            </button>
          )}
          {code !== undefined && <code className="muted">{code}</code>}
        </p>
      )}
    </div>
  );
}

/** Empty state of a list or, with `heading`, of a page. */
export function Empty({
  title,
  heading = false,
  children,
}: {
  readonly title: string;
  /** If true, the title is the heading of the page. */
  readonly heading?: boolean;
  readonly children?: ReactNode;
}) {
  const Title = heading ? "h1" : "p";
  return (
    <div className="empty">
      <Title className="empty-title">{title}</Title>
      {children !== undefined && <div className="muted">{children}</div>}
    </div>
  );
}

/** Skeleton rows, with a label for screen readers. */
export function Loading({ label, rows = 3 }: { readonly label: string; readonly rows?: number }) {
  return (
    <div className="loading">
      <span className="visually-hidden" role="status">
        {label}
      </span>
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} className="loading-row" aria-hidden="true" />
      ))}
    </div>
  );
}
