-- Sends a body of WRK_BODY bytes where that is set, and prints one line of results.
local length = tonumber(os.getenv("WRK_BODY") or "0")
if length > 0 then
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.body = string.rep("x", length)
end

function done(summary, latency)
  local e = summary.errors
  local failed = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("result %d %d %d %d %d\n", summary.requests, latency:percentile(50),
    latency:percentile(99), latency:percentile(99.9), failed))
end
