// check.mjs: reads objects of Kubernetes from stdin, JSON a line, and prints what its API would refuse:
// members that are missing, that have a wrong value, or that the API does not have.
import { readFileSync } from 'node:fs'

const groups = { v1: 'CoreV1', 'batch/v1': 'BatchV1' }

// A schema of Kubernetes says nothing of other members. But its validator reads only those that it
// knows, so unread has the others in the end.
function watch(value, path, unread) {
  if (value === null || typeof value !== 'object') return value
  const copy = Array.isArray(value) ? [] : {}
  for (const key of Object.keys(value)) {
    unread.add(`${path}/${key}`)
    copy[key] = watch(value[key], `${path}/${key}`, unread)
  }
  return new Proxy(copy, {
    get(target, key) {
      unread.delete(`${path}/${String(key)}`)
      return target[key]
    }
  })
}

for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const object = JSON.parse(line), unread = new Set()
  const schema = `IoK8sApi${groups[object.apiVersion]}${object.kind}`
  const { validate } = await import(`./node_modules/kubernetes-models/_schemas/${schema}.mjs`)
  const mistakes = validate(watch(object, '', unread)) ? []
    : validate.errors.map(e => `${e.instancePath} ${e.keyword} ${JSON.stringify(e.params)}`)
  for (const path of unread) mistakes.push(`${path} unknown`)
  for (const mistake of mistakes) console.log(`${object.kind} ${mistake}`)
  if (mistakes.length) process.exitCode = 1
}
