// Looks at pages with axe and HTML_CodeSniffer. In: {chromium, flags, scheme, pages: [{name, url, cookie, form}]}, where a
// form is what is sent there; out: findings by name.
const pa11y = require('pa11y');
const puppeteer = require('puppeteer');

async function look(asked) {
  const browser = await puppeteer.launch({executablePath: asked.chromium, args: asked.flags});
  const found = {};
  try {
    for (const {name, url, cookie, form} of asked.pages) {
      const page = await browser.newPage();
      await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: asked.scheme}]);
      const sent = form ? {method: 'POST', postData: new URLSearchParams(form).toString()} : {};
      const headers = {...(cookie && {Cookie: cookie}), ...(form && {'Content-Type': 'application/x-www-form-urlencoded'})};
      const said = await pa11y(url, {...sent, browser, page, headers, runners: ['axe', 'htmlcs'], standard: 'WCAG2AA'});
      found[name] = {title: said.documentTitle, issues: said.issues};
      await page.close();
    }
  } finally {
    await browser.close();
  }
  return found;
}

let text = '';
process.stdin.on('data', part => { text += part; });
process.stdin.on('end', () => look(JSON.parse(text)).then(
  found => process.stdout.write(JSON.stringify(found)),
  error => { console.error(error); process.exit(1); },
));
