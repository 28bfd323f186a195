/** A look at the files of an environment's step that failed, for the screens that show the failure. */
import "./failed-step.css";
import { appPart, ErrorNotice, Loading } from "@holdfast/web-parts";
import { request } from "@holdfast/web-parts/request";
import { useMutation } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { Command } from "../command.tsx";
import { roleHere } from "../organizations/queries.ts";
import { useProfile } from "../people.ts";

const StepTerminal = lazy(appPart(() => import("./step-terminal.tsx")));

/** Offers a terminal in a sandbox like that of the step. Nothing for people who may only look on. */
export function FailedStep({ environment }: { readonly environment: string }) {
  const base = `/environments/${encodeURIComponent(environment)}`;
  const open = useMutation({
    mutationFn: () => request<{ readonly id: string }>("POST", `${base}/terminals`, {}),
  });
  if (roleHere(useProfile()) === "viewer") return null;
  const terminal = open.data?.id;
  return (
    <div className="failed-step">
      {open.isError && <ErrorNotice error={open.error} title="The terminal was not opened." />}
      {terminal === undefined ? (
        <button type="button" className="button" disabled={open.isPending} onClick={() => open.mutate()}>
          {open.isPending ? "Opening…" : "Open a terminal in the failed step"}
        </button>
      ) : (
        <section aria-label="Terminal in the failed step">
          <p className="field-help">
            The files are as the step left them. What you change here is not kept: correct the repository,
            commit, and prepare again. To try the step again:
          </p>
          <Command text={'sh -c "$HOLDFAST_STEP"'} />
          <Suspense fallback={<Loading label="Loading the terminal" />}>
            <StepTerminal
              key={terminal}
              baseUrl={`${window.location.origin}${base}/sandbox`}
              processId={terminal}
            />
          </Suspense>
          <button
            type="button"
            className="button button-small"
            disabled={open.isPending}
            onClick={() => open.mutate()}
          >
            New terminal
          </button>
        </section>
      )}
    </div>
  );
}
