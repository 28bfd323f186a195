/** Actors of environments, and the list of preparations that go on after a restart. */
import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { EnvironmentChange, EnvironmentOutput, EnvironmentView } from "../../contract.ts";
import type { EnvironmentReport, EnvironmentStart } from "../../environments/environment-backend.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";

export interface EnvironmentState {
  version: 1;
  /** Absent until the first preparation begins. */
  view?: Mutable<EnvironmentView>;
  /** The node that prepares it. Absent on a single node, and in states of earlier versions. */
  preparedBy?: string;
}

type Mutable<Value> = Value extends object ? { -readonly [Key in keyof Value]: Mutable<Value[Key]> } : Value;

/**
 * The record of one environment: a repository and one state of its inputs, on one machine. The process there prepares
 * it, and reports to this actor.
 */
export function createEnvironmentActor(host: BackendHost) {
  const now = () => host.ports.clock.now();
  return actor({
    createState: (): EnvironmentState => ({ version: 1 }),
    events: { changed: event<EnvironmentChange>(), output: event<EnvironmentOutput>() },
    options: { name: "Environment" },
    actions: {
      get: (c): EnvironmentView => copyOf(requireView(c.state)),

      async stop(c): Promise<void> {
        await c.keepAwake(host.environments.stop(requireView(c.state).id, c.state.preparedBy));
      },

      internal: {
        erase: (c): void => c.destroy(),

        begin(c, start: EnvironmentStart): void {
          const { steps, preparedBy, ...rest } = start;
          const view: Mutable<EnvironmentView> = {
            ...rest,
            inputs: [...rest.inputs],
            notSupported: [...rest.notSupported],
            status: "preparing",
            steps: steps.map((name) => ({ name, state: "waiting", output: "", outputEnd: 0 })),
            startedAt: now(),
            revision: (c.state.view?.revision ?? 0) + 1,
          };
          c.state.view = view;
          if (preparedBy !== undefined) c.state.preparedBy = preparedBy;
          c.broadcast("changed", changeOf(view));
        },

        preparedBy: (c): string | null => c.state.preparedBy ?? null,

        report(c, report: EnvironmentReport): void {
          const view = requireView(c.state);
          applyReport(view, report, now());
          view.revision += 1;
          if (report.type === "output") {
            const end = view.steps[report.step]?.outputEnd ?? 0;
            for (const piece of piecesOf(report.text, end - report.text.length))
              c.broadcast("output", { step: report.step, ...piece });
          } else c.broadcast("changed", changeOf(copyOf(view)));
        },
      },
    },
  });
}

function requireView({ view }: EnvironmentState): Mutable<EnvironmentView> {
  if (view !== undefined) return view;
  throw new HoldfastError("environment", "not_found", "There is no such environment", { statusCode: 404 });
}

/** A plain copy of a part of the state, which is a proxy. */
function copyOf(view: EnvironmentView): EnvironmentView {
  return JSON.parse(JSON.stringify(view)) as EnvironmentView;
}

function applyReport(view: Mutable<EnvironmentView>, report: EnvironmentReport, at: number): void {
  if (report.type === "ended") {
    view.status = report.error === undefined ? "ready" : "failed";
    view.endedAt = at;
    if (report.error !== undefined) view.error = { ...report.error };
    for (const step of view.steps) {
      if (step.state !== "running") continue;
      step.state = "failed";
      step.endedAt = at;
    }
    return;
  }
  const step = view.steps[report.step];
  if (step === undefined) return;
  switch (report.type) {
    case "step-started":
      step.state = "running";
      step.startedAt = at;
      return;
    case "step-ended":
      step.state = "done";
      step.endedAt = at;
      return;
    case "output":
      step.output = (step.output + report.text).slice(-studioLimits.maxStepOutputBytes);
      step.outputEnd += report.text.length;
  }
}

/** A view without the output of its steps, which has an event of its own. */
function changeOf(view: EnvironmentView): EnvironmentChange {
  const { steps, ...rest } = view;
  return { ...rest, steps: steps.map(({ output: _output, outputEnd: _end, ...step }) => step) };
}

const pieceLength = 4_000;

function* piecesOf(
  text: string,
  start: number,
): Generator<{ readonly start: number; readonly text: string }> {
  for (let at = 0; at < text.length; at += pieceLength)
    yield { start: start + at, text: text.slice(at, at + pieceLength) };
}
