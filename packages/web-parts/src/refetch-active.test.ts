import assert from "node:assert/strict";
import { test } from "node:test";
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { refetchActive } from "./refetch-active.ts";

test("a refetch never uses a response that was already pending", async () => {
  const queries = new QueryClient({ defaultOptions: { queries: { gcTime: Number.POSITIVE_INFINITY } } });
  const answers: ((text: string) => void)[] = [];
  const observer = new QueryObserver<string>(queries, {
    queryKey: ["diff", "task"],
    queryFn: () => new Promise((resolve) => answers.push(resolve)),
    retry: false,
  });
  const end = observer.subscribe(() => undefined);
  assert.equal(answers.length, 1);
  const done = refetchActive(queries, ["diff"]);
  answers[0]?.("before");
  while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve));
  answers[1]?.("after");
  await done;
  assert.equal(observer.getCurrentResult().data, "after");
  end();
});
