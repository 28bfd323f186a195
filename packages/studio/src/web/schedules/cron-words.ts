import { useEffect, useState } from "react";

/** A cron expression in words. Loaded when the first one is shown; until then, and for an invalid one, it is empty. */
export function useCronWords(cron: string): string {
  const [words, setWords] = useState("");
  useEffect(() => {
    let isCurrent = true;
    void describe(cron).then((text) => {
      if (isCurrent) setWords(text);
    });
    return () => {
      isCurrent = false;
    };
  }, [cron]);
  return words;
}

async function describe(cron: string): Promise<string> {
  try {
    const { default: cronstrue } = await import("cronstrue");
    return cronstrue.toString(cron, { use24HourTimeFormat: true, throwExceptionOnParseError: true });
  } catch {
    // The server says why an expression is invalid, when it is saved.
    return "";
  }
}
