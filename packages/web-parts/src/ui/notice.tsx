import type { ReactNode } from "react";
import { errorCode } from "../errors.ts";
import { useWebApp } from "../web-app.tsx";

/** An error in words, what to do next, and a way to try again. */
export function ErrorNotice({
  error,
  title,
  onRetry,
}: {
  readonly error: unknown;
  readonly title?: string;
  readonly onRetry?: () => void;
}) {
  const words = useWebApp().errorWords(error);
  const code = errorCode(error);
  return (
    <div className="notice notice-error" role="alert">
      <p>
        <strong>{title === undefined ? words.title : `${title} ${words.title}`}</strong>
        {words.next !== "" && <> {words.next}</>}
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

/** What stands where a list has nothing to show, or, with `heading`, where a whole page has not. */
export function Empty({
  title,
  heading = false,
  children,
}: {
  readonly title: string;
  /** The title is the heading of the page. */
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

/** Grey bars in the shape of what comes, and a word for screen readers. */
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
