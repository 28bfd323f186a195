import { useEffect, useState } from "react";
import { usePageTitle } from "../web-app.tsx";

const reloadedKey = "holdfast.reloadedAt";

/** Interval between probes of the server. */
const probeIntervalMs = 2_000;

/** A page that fails again this soon after a reload is not reloaded again. */
const reloadLoopMs = 10_000;

/** A part of the app failed to load: the server has stopped or now runs another version. */
class PartNotLoaded extends Error {
  override readonly name = "PartNotLoaded";
}

/** Wraps the `import()` of a lazily loaded part, so that PageFailed recognizes its failure. */
export function appPart<T>(load: () => Promise<T>): () => Promise<T> {
  return () =>
    load().catch((cause: unknown) => {
      throw new PartNotLoaded("A part of the page failed to load.", { cause });
    });
}

/**
 * Error boundary of a screen that failed to load or render; the shell around it stays. A screen that failed to load
 * appears as soon as the server responds.
 */
export function PageFailed({ error }: { readonly error: unknown }) {
  usePageTitle("Not shown");
  const [waits] = useState(() => error instanceof PartNotLoaded && !wasJustReloaded());
  useReloadWhenServed(waits);
  return (
    <div className="page page-narrow">
      <h1>{waits ? "This page could not be loaded" : "This page cannot be shown"}</h1>
      <div role="alert">
        {waits ? (
          <p>The server does not answer, or it was updated. The page reloads when the server answers.</p>
        ) : (
          <p>
            An error occurred: <code>{error instanceof Error ? error.message : String(error)}</code>
          </p>
        )}
      </div>
      {!waits && (
        <p>
          <button type="button" className="button" onClick={() => window.location.reload()}>
            Reload
          </button>
        </p>
      )}
    </div>
  );
}

/**
 * Reloads the complete page once the server responds. Importing the part again is not enough: browsers and the style
 * loader cache the failure, and another version has other parts.
 */
function useReloadWhenServed(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const probe = async () => {
      const served = await isServed(abort.signal);
      if (abort.signal.aborted) return;
      if (!served) {
        timer = setTimeout(() => void probe(), probeIntervalMs);
        return;
      }
      sessionStorage.setItem(reloadedKey, String(Date.now()));
      window.location.reload();
    };
    void probe();
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
    // The next probe may succeed, whatever the reason.
    return false;
  }
}

function wasJustReloaded(): boolean {
  try {
    return Date.now() - Number(sessionStorage.getItem(reloadedKey) ?? 0) < reloadLoopMs;
  } catch {
    // Without storage, a reload cannot be recorded, and the page could reload forever.
    return true;
  }
}
