// What STIG Manager's importer reads from each file named on the command line: JSON, one entry for each file.
import { readFileSync } from 'node:fs'
import { reviewsFromCkl, reviewsFromCklb, reviewsFromXccdf } from '@nuwcdivnpt/stig-manager-client-modules'

const readers = { ckl: reviewsFromCkl, cklb: reviewsFromCklb, xml: reviewsFromXccdf }
const settings = {
  // the widest settings: nothing is left out, and what is not reviewed but has a text is told from what has none
  importOptions: {
    autoStatus: 'saved', unreviewed: 'always', unreviewedCommented: 'informational',
    emptyDetail: 'import', emptyComment: 'import', allowCustom: true
  },
  fieldSettings: { detail: { enabled: 'always', required: 'always' }, comment: { enabled: 'always', required: 'findings' } },
  allowAccept: false
}

const found = process.argv.slice(2).map(path => {
  try {
    const data = readFileSync(path, 'utf8')
    return readers[path.split('.').pop()]({ ...settings, data, scapBenchmarkMap: new Map(), sourceRef: path })
  } catch (error) {
    return { error: String(error) }
  }
})
console.log(JSON.stringify(found))
