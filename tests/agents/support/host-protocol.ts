import type { CreateTaskInput, StudioOptions, TaskView } from "@holdfast/studio";

/** Messages from the test to the Studio's process. */
export type HostRequest =
  | { readonly id: number; readonly type: "start"; readonly options: StudioOptions }
  | { readonly id: number; readonly type: "create"; readonly input: CreateTaskInput }
  | { readonly id: number; readonly type: "watch"; readonly taskId: string }
  | {
      readonly id: number;
      readonly type: "task";
      readonly taskId: string;
      readonly method: "get" | "prompt" | "stop" | "answer" | "diff" | "apply";
      readonly args: readonly string[];
    }
  | { readonly id: number; readonly type: "events"; readonly sessionId: string; readonly after: number }
  | { readonly id: number; readonly type: "close" };

/** Messages from the process: an answer to a request, or a changed task. */
export type HostMessage =
  | { readonly type: "answer"; readonly id: number; readonly value: unknown }
  | {
      readonly type: "error";
      readonly id: number;
      readonly group: string;
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: "changed"; readonly view: TaskView };
