// What Heimdall's own library makes of each HDF file named on the command line: a JSON line with its controls by id.
import { readFileSync } from 'node:fs'
import inspecjs from 'inspecjs'

for (const path of process.argv.slice(2)) {
  try {
    const found = inspecjs.convertFile(readFileSync(path, 'utf8'))['1_0_ExecJson']
    const controls = found.profiles[0].controls.map(control => inspecjs.hdfWrapControl(control))
    const told = controls.map(({ wraps, status, severity, waived, message }) => [wraps.id, { status, severity, waived, message }])
    console.log(JSON.stringify({ platform: found.platform.target_id, controls: Object.fromEntries(told) }))
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }))
  }
}
