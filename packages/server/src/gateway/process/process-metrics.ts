import { monitorEventLoopDelay } from "node:perf_hooks";
import { writeMetric } from "../../observe/prometheus.ts";

let delay: ReturnType<typeof monitorEventLoopDelay> | undefined;

/** Metrics of this process: CPU, memory and event loop delay. Measuring begins with the first reading. */
export function processMetrics(): string {
  if (delay === undefined) {
    delay = monitorEventLoopDelay({ resolution: 10 });
    delay.enable();
  }
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  const lag = "Delay of the event loop since the last reading";
  const lines = [
    ...one("process_cpu_user_seconds_total", "counter", "CPU time of user code", user / 1e6),
    ...one("process_cpu_system_seconds_total", "counter", "CPU time of the system", system / 1e6),
    ...one("process_resident_memory_bytes", "gauge", "Resident memory", rss),
    ...one("nodejs_heap_size_used_bytes", "gauge", "Heap in use", heapUsed),
    ...one("nodejs_heap_size_total_bytes", "gauge", "Heap", heapTotal),
    ...one("nodejs_external_memory_bytes", "gauge", "Memory outside the heap", external),
    ...one("process_uptime_seconds", "gauge", "Since the start of the process", process.uptime()),
    ...one("nodejs_eventloop_lag_p50_seconds", "gauge", lag, delay.percentile(50) / 1e9),
    ...one("nodejs_eventloop_lag_p99_seconds", "gauge", lag, delay.percentile(99) / 1e9),
    ...one("nodejs_eventloop_lag_max_seconds", "gauge", lag, delay.max / 1e9),
  ];
  delay.reset();
  return `${lines.join("\n")}\n`;
}

function one(name: string, type: "counter" | "gauge", help: string, value: number): string[] {
  return writeMetric(name, type, help, [{ labels: {}, value }]);
}
