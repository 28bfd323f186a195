import { useEffect, useState } from "react";
import { usePageTitle } from "../web-app.tsx";

const reloadedKey = "holdfast.reloadedAt";

/** Between two looks whether the server answers. */
const lookAgainMs = 2_000;

/** A page that fails again so soon after it was loaded anew is not helped by that. */
const lateMs = 10_000;

/** A part of the app did not come: the server is stopped, or has another version by now. */
class PartNotLoaded extends Error {
  override readonly name = "PartNotLoaded";
}

/** Wraps the `import()` of a part that is loaded when it is first looked at, so that PageFailed knows its failure. */
export function appPart<T>(load: () => Promise<T>): () => Promise<T> {
  return () =>
    load().catch((cause: unknown) => {
      throw new PartNotLoaded("A part of the page did not load.", { cause });
    });
}

/**
 * Stands in place of a screen that did not load or cannot be drawn; the shell around it stays. A screen
 * that did not load comes by itself as soon as the server answers.
 */
export function PageFailed({ error }: { readonly error: unknown }) {
  usePageTitle("Not shown");
  const [waits] = useState(() => error instanceof PartNotLoaded && !reloadedLately());
  useReloadWhenServed(waits);
  return (
    <div className="page page-narrow">
      <h1>{waits ? "This page is not loaded yet" : "This page cannot be shown"}</h1>
      <div role="alert">
        {waits ? (
          <p>
            The server does not answer, or was replaced by another version. The page comes when it answers.
          </p>
        ) : (
          <p>
            Something in it failed: <code>{error instanceof Error ? error.message : String(error)}</code>
          </p>
        )}
      </div>
      {!waits && (
        <p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Load it again
          </button>
        </p>
      )}
    </div>
  );
}

/**
 * Loads the whole page anew once the server answers. The part alone would not do: browsers and the loader
 * of its styles remember what failed, and another version has other parts.
 */
function useReloadWhenServed(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      const served = await isServed(abort.signal);
      if (abort.signal.aborted) return;
      if (!served) {
        timer = setTimeout(() => void look(), lookAgainMs);
        return;
      }
      sessionStorage.setItem(reloadedKey, String(Date.now()));
      window.location.reload();
    };
    void look();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [active]);
}

async function isServed(signal: AbortSignal): Promise<boolean> {
  try {
    return (await fetch(window.location.href, { cache: "no-store", signal })).ok;
  } catch {
    // Whatever the reason, the next look may find it answering.
    return false;
  }
}

function reloadedLately(): boolean {
  try {
    return Date.now() - Number(sessionStorage.getItem(reloadedKey) ?? 0) < lateMs;
  } catch {
    // Without storage nobody would know that it was loaded anew, and it could be for ever.
    return true;
  }
}
