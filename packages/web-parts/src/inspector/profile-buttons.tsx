import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { ConfirmButton, ErrorNotice, useAnnounce } from "../index.ts";
import { requestBlob } from "../request.ts";
import { saveBlob } from "../save-blob.ts";

const seconds = 10;
const kinds = {
  cpu: { path: `/profile/cpu?seconds=${seconds}`, extension: "cpuprofile" },
  heap: { path: "/profile/heap", extension: "heapsnapshot" },
} as const;

/** Downloads of what the process of the server does, for the developer tools of Chromium. */
export function ProfileButtons() {
  const announce = useAnnounce();
  // Leaving the page ends the measurement.
  const left = useRef(new AbortController());
  useEffect(() => {
    left.current = new AbortController();
    return () => left.current.abort();
  }, []);
  const save = async (kind: keyof typeof kinds) => {
    const { path, extension } = kinds[kind];
    const blob = await requestBlob(path, left.current.signal);
    saveBlob(blob, `holdfast-${new Date().toISOString().replace(/[:.]/g, "-")}.${extension}`);
    announce("Downloaded.");
  };
  const cpu = useMutation({
    mutationFn: () => save("cpu"),
    onMutate: () => announce(`Profiling for ${seconds} seconds.`),
  });
  const failed = cpu.isError && !left.current.signal.aborted;
  return (
    <>
      <button
        type="button"
        className="button"
        aria-disabled={cpu.isPending}
        onClick={() => cpu.isPending || cpu.mutate()}
      >
        {cpu.isPending ? `Profiling for ${seconds} s…` : `Profile ${seconds} s`}
      </button>
      <ConfirmButton
        label="Heap snapshot"
        className="button"
        title="Download a heap snapshot?"
        confirmLabel="Download"
        isDangerous={false}
        onConfirm={() => save("heap")}
      >
        <p>
          The server stands still while it is made, about a second for each 100 MB. The file contains whatever
          the server knows, secrets too.
        </p>
      </ConfirmButton>
      {failed && <ErrorNotice error={cpu.error} title="The profile was not made." />}
    </>
  );
}
