import { useMemo, useState } from "react";
import { ProcessTerminal, type ProcessTerminalClient, type ProcessTerminalLink } from "../src/index.ts";

/** A client that never reaches its server: what a terminal shows then. */
export function BrokenTerminal() {
  const [attempts, setAttempts] = useState(0);
  const client = useMemo(
    (): ProcessTerminalClient => ({
      connectProcessTerminal() {
        setAttempts((known) => known + 1);
        return unreachable();
      },
    }),
    [],
  );
  return (
    <>
      <ProcessTerminal client={client} processId="proc_1" autoFocus={false} height={200} />
      <output id="attempts">{attempts}</output>
    </>
  );
}

function unreachable(): ProcessTerminalLink {
  const none = () => () => {};
  return {
    onReady: none,
    onData: none,
    onExit: none,
    onError(listener) {
      queueMicrotask(() => listener(new Error("The connection to the terminal failed")));
      return () => {};
    },
    onClose(listener) {
      setTimeout(listener, 0);
      return () => {};
    },
    sendInput() {},
    resize() {},
    close() {},
  };
}
