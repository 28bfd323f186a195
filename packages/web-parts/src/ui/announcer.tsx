import { createContext, type ReactNode, useCallback, useContext, useState } from "react";

type Announce = (message: string, urgency?: "polite" | "assertive") => void;

const AnnounceContext = createContext<Announce>(() => undefined);

/** Two live regions that exist from the start, because screen readers ignore a region added together with its text. */
export function AnnouncerProvider({ children }: { readonly children: ReactNode }) {
  const [polite, setPolite] = useState("");
  const [assertive, setAssertive] = useState("");
  const announce = useCallback<Announce>((message, urgency = "polite") => {
    // A trailing no-break space makes a repeated text a change, so that it is read again.
    const set = urgency === "assertive" ? setAssertive : setPolite;
    set((previous) => (previous === message ? `${message}\u00a0` : message));
  }, []);
  return (
    <AnnounceContext value={announce}>
      {children}
      <div className="visually-hidden" aria-live="polite" role="status">
        {polite}
      </div>
      <div className="visually-hidden" aria-live="assertive" role="alert">
        {assertive}
      </div>
    </AnnounceContext>
  );
}

/** Returns a function that announces a text to screen readers. */
export function useAnnounce(): Announce {
  return useContext(AnnounceContext);
}
